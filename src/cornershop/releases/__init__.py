"""The code that differs between the releases of a service. Deploying one means starting the service with it."""
