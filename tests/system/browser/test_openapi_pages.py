"""The pages of the OpenAPI documents, Swagger UI and Redoc, from the API's root."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def page(window):
    with window() as page:
        yield page
        # A note of Redoc's, of a schema in which `oneOf` narrows a type.
        page.faults[:] = [fault for fault in page.faults if "Incompatible types in" not in fault]


def open_docs(page, path):
    page.goto("/api/v1/")
    with page.expect_navigation():
        page.locator(f'pre a[href$="/api/v1/docs/{path}"]').click()


OPERATIONS = [("users", "Register"), ("notes", "Write a note")]


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_swagger_ui(page, service, operation, assert_accessible):
    open_docs(page, f"{service}/")
    page.get_by_role("button", name=operation).first.click()
    page.get_by_role("button", name="Try it out").click()
    expect(page.get_by_role("button", name="Execute")).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_redoc(page, service, operation, assert_accessible):
    open_docs(page, f"{service}/redoc/")
    expect(page.get_by_role("heading", name=operation).first).to_be_visible()
    # The styles that it writes are there.
    expect(page.locator(".menu-content")).to_have_css("position", "sticky")
    assert_accessible(page)
