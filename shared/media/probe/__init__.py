"""What a source is: its streams, packets and first bytes. Only what runs in the sandbox opens a file with PyAV."""
