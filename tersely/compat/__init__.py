"""Drop-ins for other libraries' calls: what their users change is one import."""
