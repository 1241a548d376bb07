from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordRefused
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils import html

from accounts import addresses
from accounts.authentication import while_signed_in
from accounts.backends import MAX_PASSWORD_LENGTH
from accounts.models import User
from accounts.refusals import WrongPassword, taken_as_field_error
from accounts.validators import UsernameValidator
from attempts.passwords import asked_again
from audit import trail
from audit.models import Event
from config.parsers import require_body

# Docstrings of serializers and views go into the OpenAPI document.


class StrictSerializer(serializers.Serializer[Any]):
    # A field that it does not take is an error, not dropped without a word.
    def to_internal_value(self, data: Any) -> Any:
        require_body(self.context["request"])
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            known = {field.field_name for field in self._writable_fields}
            if html.is_html_input(data):
                known.add("csrfmiddlewaretoken")
            unknown = islice((name for name in data if name not in known), 10)
            refused = serializers.ErrorDetail("This field cannot be set here.", code="unknown")
            errors = {name[:100]: [refused] for name in unknown}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not errors or not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **errors}) from error
        if errors:
            raise serializers.ValidationError(errors)
        return value


class Text(serializers.CharField):
    """A string to the letter; DRF's own field also takes a number for one, and trims it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


_NAME = {
    "type": "string",
    "format": "username",
    "minLength": 1,
    "maxLength": 100,
    "description": "Letters and digits of any script, and any of . + - _",
}


@extend_schema_field(_NAME)
class UsernameField(Text):
    def __init__(self, **kwargs: Any) -> None:
        # A function: of a RegexValidator the OpenAPI document takes the pattern, whose \\w is
        # ASCII alone in JSON Schema.
        validators = [UsernameValidator().__call__]
        super().__init__(max_length=100, validators=validators, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return User.normalize_username(super().to_internal_value(data))


class AddressField(serializers.EmailField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=255, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        name, at, domain = super().to_internal_value(data).rpartition("@")
        return f"{name}{at}{domain.lower()}"


class PasswordField(Text):
    """Never longer than a hasher should be given."""

    autocomplete = "current-password"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=MAX_PASSWORD_LENGTH,
            write_only=True,
            style={"input_type": "password", "autocomplete": self.autocomplete},
            **kwargs,
        )


@extend_schema_field(
    {
        "type": "string",
        "writeOnly": True,
        "pattern": f"^(?![0-9]*$)[^\\u0000]{{8,{MAX_PASSWORD_LENGTH}}}$",
        "description": "Not digits alone, none of the passwords that many people have, and not like"
        " the name or the address.",
    }
)
class NewPasswordField(PasswordField):
    """One that Django's validators are asked about."""

    autocomplete = "new-password"


class UserSerializer(StrictSerializer, serializers.ModelSerializer[User]):
    email = AddressField()
    username = UsernameField()

    class Meta:
        model = User
        fields = ["id", "email", "username", "created_at", "updated_at"]
        read_only_fields = ["created_at", "updated_at"]


class RegistrationSerializer(UserSerializer):
    password = NewPasswordField()

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "password"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = User(email=attrs["email"], username=attrs["username"])
        _check_password(attrs["password"], user, "password")
        return attrs

    def create(self, validated_data: dict[str, Any]) -> User:
        with taken_as_field_error(validated_data):
            return User.objects.create_user(**validated_data)


class OwnUserSerializer(UserSerializer):
    """Another address takes the password: whoever reads its mail can set a new one."""

    password = PasswordField(required=False)

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "password"]

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        given = {name: value for name, value in validated_data.items() if name != "password"}
        email = given.pop("email", None) if settings.EMAIL_VERIFICATION else None
        # Only these columns: what somebody else has set meanwhile stays.
        with while_signed_in(instance) as user, taken_as_field_error(given, user):
            User.objects.filter(pk=user.pk).update(**given)
            if email is not None:
                addresses.propose(user, email)
        # As the database has it now: it has raised the version and updated_at.
        changed = get_object_or_404(User, pk=user.pk)
        if changed.email != user.email:
            addresses.tell_former(user)
        return changed


class CurrentPasswordSerializer(StrictSerializer):
    password = PasswordField()


class PasswordChangeSerializer(StrictSerializer):
    current_password = PasswordField()
    new_password = NewPasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _check_password(attrs["new_password"], self.context["request"].user, "new_password")
        return attrs


class UsernameCredentialsSerializer(StrictSerializer):
    username = Text(max_length=255)
    password = PasswordField()


class EmailCredentialsSerializer(StrictSerializer):
    email = Text(max_length=255)
    password = PasswordField()


class CredentialsSerializer(StrictSerializer):
    username = Text(max_length=255, required=False)
    email = Text(max_length=255, required=False)
    password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("username" in attrs) == ("email" in attrs):
            raise serializers.ValidationError("Give either username or email.")
        return attrs


class AddressSerializer(StrictSerializer):
    email = AddressField()


class LinkSerializer(StrictSerializer):
    token = Text(max_length=255, style={"autocomplete": "off"})


class NewPasswordSerializer(LinkSerializer):
    new_password = NewPasswordField()


class RefreshSerializer(StrictSerializer):
    refresh = Text(max_length=255)


class KeySerializer(serializers.Serializer[Any]):
    kty = serializers.CharField()
    crv = serializers.CharField()
    x = serializers.CharField()
    y = serializers.CharField()
    kid = serializers.CharField()
    use = serializers.CharField()
    alg = serializers.CharField()


class KeySetSerializer(serializers.Serializer[Any]):
    keys = KeySerializer(many=True)


class TokenAnswerSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.CharField(help_text="Always Bearer.")
    expires_in = serializers.IntegerField(help_text="Seconds.")


def require_password(user: User, sid: str, given: Mapping[str, str], field: str) -> None:
    """Asks for the user's password again. Raises WrongPassword, TooManyFailures."""
    if field not in given:
        raise WrongPassword({field: "This takes your password."}, code="wrong_password")
    if not asked_again(sid, lambda: user.check_password(given[field])):
        trail.record(Event.WRONG_PASSWORD, user.pk)
        raise WrongPassword({field: "This is not the password."}, code="wrong_password")


def _check_password(password: str, user: User, field: str) -> None:
    try:
        validate_password(password, user)
    except PasswordRefused as error:
        raise serializers.ValidationError({field: error.messages}, code="password") from error
