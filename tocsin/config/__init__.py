"""Settings of the installation and policy documents of the tenants."""
