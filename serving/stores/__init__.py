"""Reading what the job wrote: one reader per kind of store, and a group that asks in order."""
