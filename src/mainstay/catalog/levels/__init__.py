"""What is promised of services: agreements on incidents, objectives, and the budgets of errors that follow."""
