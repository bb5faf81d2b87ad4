"""What the installation is told by its environment, read once at the edge of each process."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas import parts

#: One alert in a hundred is as unusual as this.
ANOMALY = 0.85


class Settings(BaseSettings):
    """Each is an environment variable TOCSIN_<NAME> unless an alias says otherwise."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_", frozen=True, extra="ignore")

    database_url: str = Field(default="", validation_alias="DATABASE_URL")
    #: The login that owns the tables (migrations only); empty: DATABASE_URL may do it.
    owner_url: str = ""
    redis_url: str = Field(default="", validation_alias="REDIS_URL")
    home: Path = Path("var/tocsin")
    #: Where readers find this installation; links in messages begin with it.
    public_url: str = "http://127.0.0.1:8420"
    #: <policy_dir>/<tenant>.yml is applied by itself when it changes.
    policy_dir: Path | None = None
    #: <secrets_dir>/<tenant>/<name> is what `*_file: <name>` in a policy means.
    secrets_dir: Path | None = None
    #: 32 bytes, base64: wraps the tenants' keys. The launcher makes one.
    master_key_file: Path | None = None
    #: Comma-separated networks that channels may reach although they are private.
    egress_allow: str = ""
    #: "stage=queue,...": put a stage of the pipeline on a queue of its own.
    stage_queues: str = ""
    #: A bearer token that may read /metrics of all tenants.
    metrics_token_file: Path | None = None
    #: Accepted bodies, alert events and delivery attempts are kept for so many days.
    retention_days: int = 90
    #: Alerts one drain takes at most. How many it takes follows from how long the last ones lasted;
    #: of many, repeats of the same alert are written once.
    drain_alerts: int = 8000
    #: From so many alerts of one tenant waiting on, its further ones that are not critical are kept
    #: and counted but not worked on until it is over; 0: never.
    fold_backlog: int = Field(default=50_000, ge=0)
    #: While accepted alerts wait longer than this to be worked on, and not only those of one tenant
    #: that floods, nothing more is taken in; 0: it always is.
    behind_seconds: float = Field(default=30.0, ge=0)
    #: With less than so many megabytes free where the embedded PostgreSQL keeps its data, nothing
    #: is taken in; 0: not looked at.
    least_free_mb: int = Field(default=200, ge=0)
    #: An alert of /api/v2/alerts without endsAt ends after this (Alertmanager's resolve_timeout).
    resolve_timeout_seconds: float = 300.0
    #: A delivery that was begun and not finished is taken up again after this.
    lease_seconds: float = 20.0
    #: How long an incident takes further groups in; for correlation rules that name no window.
    correlation_window_seconds: float = Field(
        default=300.0, gt=0, le=7 * 86400, validation_alias="ALERT_CORRELATION_WINDOW"
    )
    #: Score alerts by how unusual they are; a policy may switch it off for its tenant.
    ml_enabled: bool = Field(default=True, validation_alias="ALERTS_ML_ENABLED")
    #: From this score on an alert counts as an anomaly, unless the policy says otherwise.
    alerts_threshold: float | None = Field(
        default=None, gt=0, lt=1, validation_alias="ALERTS_ANOMALY_THRESHOLD"
    )
    #: The same under its other name.
    ml_threshold: float | None = Field(
        default=None, gt=0, lt=1, validation_alias="ML_ANOMALY_THRESHOLD"
    )
    #: How often the model of a tenant is trained anew, such as 6h.
    ml_interval: timedelta = Field(
        default=timedelta(hours=6), validation_alias="ALERTS_ML_MODEL_UPDATE_INTERVAL"
    )
    log_level: str = "info"
    #: The tenant to which the clock posts an alert of its own each minute; empty: none is posted.
    watch_tenant: str = "system"
    #: Where the clock posts it. Empty: on this host, by INGEST_PORT or PORT; else into the record.
    watch_url: str = ""
    host: str = Field(default="", validation_alias="HOST")
    port: str = Field(default="", validation_alias="PORT")
    ingest_port: str = Field(default="", validation_alias="INGEST_PORT")
    #: Asked each minute as long as that alert arrives: whoever hears nothing any more can tell.
    #: It is a secret.
    heartbeat_url: str = Field(default="", repr=False)
    heartbeat_seconds: float = Field(default=60.0, ge=1, le=86400)

    @field_validator("ml_interval", mode="before")
    @classmethod
    def _interval(cls, value: object) -> timedelta:
        found = parts.parse_duration(value)
        if found < timedelta(minutes=1):
            raise ValueError("models cannot be trained more often than each minute: write 6h")
        return found

    @model_validator(mode="after")
    def _one_threshold(self) -> Settings:
        if len({self.alerts_threshold, self.ml_threshold} - {None}) > 1:
            raise ValueError(
                "ALERTS_ANOMALY_THRESHOLD and ML_ANOMALY_THRESHOLD mean the same and differ:"
                " set one of them"
            )
        return self

    @property
    def watch_seconds(self) -> float:
        """How often the watch posts: each minute, or as often as a faster heartbeat needs it."""
        return min(60.0, self.heartbeat_seconds)

    @property
    def anomaly_threshold(self) -> float:
        """What counts as an anomaly where a policy does not say."""
        return self.alerts_threshold or self.ml_threshold or ANOMALY


def load() -> Settings:
    """Read the environment. Call it in entry points only and pass the result on."""
    return Settings()
