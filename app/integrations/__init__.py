"""Ports to the outside other than gateways: PDF, file storage, mail."""
