"""The care desk: where people see, claim and answer cases."""
