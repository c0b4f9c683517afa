"""The worker slots that all runs of a machine share."""
