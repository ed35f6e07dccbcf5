"""What commands open of a home: its pictures and finished sets, without a service or a key."""
