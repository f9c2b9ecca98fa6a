"""The editors' interface of the hub: one table of routes, one set of doors in front of it, one file per subject behind."""
