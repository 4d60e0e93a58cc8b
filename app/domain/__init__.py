"""The rules of billing: values in, values out. Imports the standard library only."""
