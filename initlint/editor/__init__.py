"""What an editor needs beside the protocol: open documents, readings of them, hovers, actions."""
