"""Reading a record: pure functions, a record or arrays in, dataclasses out."""
