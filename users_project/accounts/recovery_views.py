"""What a mail's link does, over the API: a new password, a confirmed address."""

from __future__ import annotations

from django.core.exceptions import ValidationError as PasswordRefused
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import addresses, background, password_reset
from accounts.openapi import INVALID_LINK, MAILED, MAILED_AGAIN, MEANWHILE
from accounts.serializers import AddressSerializer, LinkSerializer, NewPasswordSerializer
from accounts.token_views import TokenView


class PasswordReset(TokenView):
    serializer_class = AddressSerializer

    @extend_schema(
        operation_id="reset_password",
        summary="Ask for a mail with a link to set a new password",
        responses={202: MAILED},
    )
    def post(self, request: Request) -> Response:
        email = self.validated()["email"]
        background.run(lambda: password_reset.send_link(email))
        return Response(status=status.HTTP_202_ACCEPTED)


class PasswordResetConfirm(TokenView):
    serializer_class = NewPasswordSerializer

    @extend_schema(
        operation_id="confirm_password_reset",
        summary="Set a new password by a mail's link; signs out everywhere",
        responses={204: None, 403: INVALID_LINK},
    )
    def post(self, request: Request) -> Response:
        given = self.validated()
        try:
            password_reset.confirm(given["token"], given["new_password"], request)
        except PasswordRefused as error:
            raise serializers.ValidationError(
                {"new_password": error.messages}, "password"
            ) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


class AddressVerification(TokenView):
    serializer_class = AddressSerializer

    @extend_schema(
        operation_id="verify_address",
        summary="Ask for another mail with a link to confirm an address",
        responses={202: MAILED_AGAIN},
    )
    def post(self, request: Request) -> Response:
        email = self.validated()["email"]
        background.run(lambda: addresses.ask_again(email))
        return Response(status=status.HTTP_202_ACCEPTED)


class AddressVerificationConfirm(TokenView):
    serializer_class = LinkSerializer

    @extend_schema(
        operation_id="confirm_address",
        summary="Confirm an address by a mail's link",
        responses={204: None, 403: INVALID_LINK, 409: MEANWHILE},
    )
    def post(self, request: Request) -> Response:
        addresses.confirm(self.validated()["token"])
        return Response(status=status.HTTP_204_NO_CONTENT)
