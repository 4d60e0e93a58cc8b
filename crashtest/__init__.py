"""The crash test: processes are killed at every step of work with gateways, and in the end the books must agree.

`python -m crashtest --kills 100 --seed 7` has servers and simulators of its own. In each round it lets processes
collect, take payers back, refund, take webhooks and do the jobs, each of which is ended by `kill -9` when it reaches a
point: before or after a commit, before or after a request to a gateway. Random faults are on all the while. Then the
faults end, the jobs run, and what each gateway took is compared with what we have written down.
"""
