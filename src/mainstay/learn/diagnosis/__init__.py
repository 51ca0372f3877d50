"""Who is to blame for a disturbance: from a live incident, or from a folder of files."""
