"""Fail when a model has changed and no migration says so."""

from tests import environment

if __name__ == "__main__":
    import django
    from django.core.management import call_command

    assert environment
    django.setup()
    call_command("makemigrations", check=True, dry_run=True)
