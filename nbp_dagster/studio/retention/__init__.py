"""What nothing needs any more in store and home: found, told, removed; buys and draws nothing."""
