// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test } from "vitest";
import { lazyView } from "./lazy-view.tsx";

afterEach(cleanup);

function Greeting({ to }: { to: string }) {
  return <p>Hello {to}</p>;
}

/** A part that comes only after so many failures. */
function partAfter(failures: number) {
  let left = failures;
  return lazyView({
    load: async () => {
      left -= 1;
      if (left >= 0) throw new TypeError("Failed to load chunk");
      return Greeting;
    },
    name: "The greeting",
    placeholder: <p>Not yet</p>,
  });
}

test("what could not be loaded leaves the page standing, and can be asked for again", async () => {
  const { View } = partAfter(1);
  render(
    <div>
      The page <View to="you" />
    </div>,
  );
  await screen.findByText("The greeting could not be loaded");
  screen.getByText(/The page/);
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByText("Hello you");
});

test("what failed once is asked for again by the next that shows it", async () => {
  const { View, preload } = partAfter(1);
  preload();
  await Promise.resolve();
  render(<View to="you" />);
  await screen.findByText("Hello you");
});

test("on the server it is its placeholder, loaded or not", async () => {
  const { View, preload } = partAfter(0);
  preload();
  await Promise.resolve();
  expect(renderToString(<View to="you" />)).toBe("<p>Not yet</p>");
  render(<View to="you" />);
  screen.getByText("Hello you");
});
