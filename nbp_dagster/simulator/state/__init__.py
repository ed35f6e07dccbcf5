"""What a simulator knows: jobs, repositories, blobs, bills, traffic and their journal."""
