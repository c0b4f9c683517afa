"""What lies in a record, and how a part of it is read."""
