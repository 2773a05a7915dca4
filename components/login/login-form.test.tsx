// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { LoginForm } from "./login-form.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

/** The page as it comes from the server. */
function served(): HTMLElement {
  const host = document.createElement("div");
  host.innerHTML = renderToString(<LoginForm next="/overview" />);
  document.body.append(host);
  return host;
}

const button = () => screen.getByRole<HTMLButtonElement>("button", { name: "Sign in" });

test("focus stays with who types while the page comes to life", async () => {
  const host = served();
  const password = screen.getByLabelText<HTMLInputElement>("Password");
  password.focus();
  password.value = "secret";
  await act(async () => hydrateRoot(host, <LoginForm next="/overview" />));
  expect(document.activeElement).toBe(password);
  expect(password.value).toBe("secret");
});

test("who has not begun to type begins with the name", async () => {
  const host = served();
  await act(async () => hydrateRoot(host, <LoginForm next="/overview" />));
  expect(document.activeElement).toBe(screen.getByLabelText("User"));
});

test("no password gets into the address before the page has come to life", async () => {
  const host = served();
  expect(host.querySelector("form")?.method).toBe("post");
  expect(button().disabled).toBe(true);
  await act(async () => hydrateRoot(host, <LoginForm next="/overview" />));
  expect(button().disabled).toBe(false);
});

test("a refusal is named, and what to do about it", async () => {
  const error = { code: "forbidden", message: "the request comes from another site" };
  vi.stubGlobal("fetch", async (path: string) =>
    path === "/api/auth/csrf"
      ? Response.json({ csrfToken: "t" })
      : Response.json({ error }, { status: 403 }),
  );
  render(<LoginForm next="/overview" />);
  fireEvent.submit(screen.getByLabelText("User"));
  await screen.findByText("Sign-in was refused");
  expect(screen.getByRole("alert").textContent).toContain(
    "The request comes from another site. A proxy before the console must pass on the Host header",
  );
});

test("a console that is gone has refused nothing", async () => {
  vi.stubGlobal("fetch", async () => {
    throw new TypeError("Failed to fetch");
  });
  render(<LoginForm next="/overview" />);
  fireEvent.submit(screen.getByLabelText("User"));
  await screen.findByText("The console does not answer");
  expect(screen.getByRole("alert").textContent).toContain("Nothing was checked.");
});

test("a console that goes while it is asked may have checked the password", async () => {
  vi.stubGlobal("fetch", async (path: string) => {
    if (path === "/api/auth/csrf") return Response.json({ csrfToken: "t" });
    throw new TypeError("Failed to fetch");
  });
  render(<LoginForm next="/overview" />);
  fireEvent.submit(screen.getByLabelText("User"));
  await screen.findByText("The console does not answer");
  expect(screen.getByRole("alert").textContent).toContain("The password may have been checked.");
});

test("the seconds that are to be waited are not read out one by one", async () => {
  const url = "http://localhost/login?error=Throttled%3A7";
  vi.stubGlobal("fetch", async (path: string) =>
    path === "/api/auth/csrf"
      ? Response.json({ csrfToken: "t" })
      : Response.json({ url }, { status: 429 }),
  );
  render(<LoginForm next="/overview" />);
  fireEvent.submit(screen.getByLabelText("User"));
  await screen.findByText("Too many attempts");
  const live = screen.getByText(/^\d+ s$/).closest("[aria-live], [role=status]");
  expect(live?.getAttribute("aria-live")).toBe("off");
});
