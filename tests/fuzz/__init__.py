"""Damaged pictures and answers by the thousand: each is read, or refused in one line."""
