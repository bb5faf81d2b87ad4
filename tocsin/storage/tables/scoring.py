"""Anomaly scores: models, what is remembered of streams, scores, and what people say of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Double, Identity
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, numbers, sealed, when


class Scoring(SQLModel, table=True):
    """What scores the alerts of a tenant; its row is the lock of all that scoring remembers."""

    __tablename__ = "scoring"
    tenant: int = many(primary_key=True)
    #: The version of the model in use; None: there is none yet.
    active: int | None = many(nullable=True)
    #: tocsin.domain.features.Crowd as JSON.
    crowd: str | None = line(nullable=True)
    train_at: datetime = when()
    problem: str | None = line(nullable=True)


class ScoreStream(SQLModel, table=True):
    """What is remembered of one stream."""

    __tablename__ = "score_stream"
    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)
    tenant: int = many(primary_key=True)
    key: str = line(primary_key=True)
    #: tocsin.domain.features.Stream as JSON; hashes of values, no text of alerts.
    state: str = line()
    updated_at: datetime = when()


class ScoreWaiting(SQLModel, table=True):
    """Events that a drain left to be scored."""

    __tablename__ = "score_waiting"
    tenant: int = many(primary_key=True)
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    events: list[int] = numbers()
    since: datetime = when()


class AlertScore(SQLModel, table=True):
    """The score of an alert; `starts_at` says of which of its firings."""

    __tablename__ = "alert_score"
    __table_args__ = ({"postgresql_with": {"fillfactor": 80}},)
    tenant: int = many(primary_key=True)
    fingerprint: str = line(primary_key=True)
    event: int = many()
    starts_at: datetime = when()
    value: float | None = Field(sa_column=Column(Double, nullable=True))
    #: Whether it reached the tenant's threshold when it was given.
    anomaly: bool
    #: Why there is no value: history, late, model.
    cause: str | None = line(nullable=True)
    reasons: str | None = line(nullable=True)
    model: int | None = many(nullable=True)
    scored_at: datetime = when()


class ScoreFeedback(SQLModel, table=True):
    """What a person said of the score of one firing."""

    __tablename__ = "score_feedback"
    tenant: int = many(primary_key=True)
    fingerprint: str = line(primary_key=True)
    event: int = many(primary_key=True)
    verdict: str = line()
    note: str | None = line(nullable=True)
    author: str = line()
    at: datetime = when()


class Model(SQLModel, table=True):
    """A trained model; the HMAC is under a key of the tenant's own."""

    __tablename__ = "model"
    tenant: int = many(primary_key=True)
    version: int = many(primary_key=True)
    detector: str = line()
    trained_at: datetime = when()
    rows: int = many()
    feedback: int = many()
    libraries: str = line()
    blob: bytes = sealed()
    mac: bytes = sealed()
