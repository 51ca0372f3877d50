"""What a configuration file says of trackers of issues."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mainstay.core.entries import Key, Keyed

SecretName = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,79})?$")]


class Tracker(Keyed):
    """A project of Jira, GitHub or GitLab in which issues are made."""

    kind: Literal["jira", "github", "gitlab"]
    address: str = Field(pattern=r"^https?://[^?#]+$", max_length=500, description="Of the API, without its path.")
    project: str = Field(min_length=1, max_length=200, description="Key, OWNER/REPOSITORY, or GROUP/PROJECT.")
    user: str = Field("", max_length=200, description="Jira Cloud: mail address of the account of the token.")
    secret: SecretName = Field(min_length=1, description="Name of the secret that is the token.")
    hook_secret: SecretName = Field("", description="Name of the secret of the webhook. Empty: none is taken.")
    api: Literal["", "2", "3"] = Field("", description="Jira: 3 for Cloud, 2 for Server and Data Center.")
    issue_type: str = Field("", max_length=80, description="Jira: such as Bug. GitLab: issue, incident or task.")
    labels: list[Annotated[str, Field(min_length=1, max_length=80)]] = []
    states: dict[str, Literal["open", "working", "done", "refused"]] = Field(
        {}, description="The tracker's word for a state, or a label, to ours."
    )
    services: list[Key] = Field([], description="Services whose issues go here.")
    teams: list[Key] = Field([], description="Teams whose issues go here. Neither: every other service.")
    enabled: bool = True

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "jira":
            self.api = self.api or "3"
        elif self.api or self.user:
            raise ValueError("api and user are of jira alone")
        if self.kind == "github" and self.project.count("/") != 1:
            raise ValueError("project: write OWNER/REPOSITORY")
        return self
