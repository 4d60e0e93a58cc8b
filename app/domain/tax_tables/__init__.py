"""Reference rates by place and date, as plain tables with their sources. A tenant may keep rates of its own instead."""
