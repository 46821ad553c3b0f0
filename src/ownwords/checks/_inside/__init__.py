"""Programs that run inside the sandbox: they need the standard library and each other, nothing else of the project."""
