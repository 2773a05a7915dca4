// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test } from "vitest";
import { Dialog } from "./dialog.tsx";
import { Menu, MenuItem } from "./menu.tsx";

afterEach(cleanup);

interface PageProps {
  hasTree?: boolean;
  hasOpener?: boolean;
  dialog?: "first" | "second" | null;
}

function Page({ hasTree = true, hasOpener = true, dialog = null }: PageProps) {
  const titled = (title: "first" | "second") => (
    <Dialog open={dialog === title} onOpenChange={() => undefined} title={title} description="">
      <input aria-label={`field of ${title}`} data-autofocus />
    </Dialog>
  );
  return (
    <main tabIndex={-1}>
      {hasOpener ? <button type="button">opener</button> : null}
      {hasTree ? (
        <div role="tree" tabIndex={0}>
          <div role="treeitem" aria-selected tabIndex={-1}>
            row
          </div>
        </div>
      ) : null}
      {titled("first")}
      {dialog === "second" ? titled("second") : null}
    </main>
  );
}

function shown(props: PageProps = {}) {
  const { rerender } = render(<Page {...props} />);
  return {
    become: (next: PageProps) => rerender(<Page {...next} />),
    opener: screen.queryByRole("button", { name: "opener" }),
  };
}

const focused = (element: Element | null) =>
  waitFor(() => expect(document.activeElement).toBe(element));
const inDialog = (title: string) => focused(screen.getByLabelText(`field of ${title}`));

/** What is to be done when a dialog has gone is done in the next turn. */
const settled = () => new Promise((done) => setTimeout(done, 10));

test("a dialog that closes gives focus back to what had it", async () => {
  const { become, opener } = shown();
  opener?.focus();
  become({ dialog: "first" });
  await inDialog("first");
  become({});
  await focused(opener);
});

test("a dialog that goes without being closed gives focus back too", async () => {
  const { become, opener } = shown();
  opener?.focus();
  become({ dialog: "second" });
  await inDialog("second");
  become({});
  await focused(opener);
});

test("where what had focus is gone, the tree gets it, or the page", async () => {
  for (const hasTree of [true, false]) {
    const { become, opener } = shown({ hasTree });
    opener?.focus();
    become({ hasTree, dialog: "first" });
    await inDialog("first");
    become({ hasTree, hasOpener: false });
    await focused(screen.getByRole(hasTree ? "tree" : "main"));
    cleanup();
  }
});

test("for a row of the tree, which may scroll away, the tree gets focus", async () => {
  const { become } = shown();
  screen.getByRole("treeitem").focus();
  become({ dialog: "first" });
  await inDialog("first");
  become({});
  await focused(screen.getByRole("tree"));
});

test("where nothing had focus the page gets it, and single keys stay commands", async () => {
  const { become } = shown();
  become({ dialog: "first" });
  await inDialog("first");
  become({});
  await focused(screen.getByRole("main"));
});

test("a dialog that opens as another closes takes over what that one owes", async () => {
  const { become, opener } = shown();
  opener?.focus();
  become({ dialog: "first" });
  await inDialog("first");
  become({ dialog: "second" });
  await settled();
  await inDialog("second");
  become({});
  await focused(opener);
});

test("what has taken focus meanwhile keeps it", async () => {
  const { become, opener } = shown();
  opener?.focus();
  become({ dialog: "first" });
  await inDialog("first");
  become({});
  screen.getByRole("treeitem").focus();
  await settled();
  expect(document.activeElement).toBe(screen.getByRole("treeitem"));
});

function WithMenu() {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Menu trigger={<button type="button">more</button>}>
        <MenuItem onSelect={() => setIsOpen(true)}>ask</MenuItem>
      </Menu>
      <Dialog open={isOpen} onOpenChange={setIsOpen} title="asked" description="" />
    </>
  );
}

test("a dialog that a menu opened gives focus back to what opens the menu", async () => {
  render(<WithMenu />);
  const trigger = screen.getByRole("button", { name: "more" });
  trigger.focus();
  fireEvent.keyDown(trigger, { key: "Enter" });
  const item = await screen.findByRole("menuitem", { name: "ask" });
  item.focus();
  fireEvent.click(item);
  await focused(screen.getByRole("button", { name: "Close" }));
  await settled();
  fireEvent.keyDown(document.activeElement ?? document, { key: "Escape" });
  await focused(trigger);
});

function Stacked({ hasUpper, isBusy }: { hasUpper: boolean; isBusy: boolean }) {
  return (
    <>
      <button type="button">below</button>
      <Dialog open onOpenChange={() => undefined} title="lower" description="">
        {isBusy ? null : <input aria-label="field of lower" data-autofocus />}
      </Dialog>
      <Dialog open={hasUpper} onOpenChange={() => undefined} title="upper" description="">
        <input aria-label="field of upper" data-autofocus />
      </Dialog>
    </>
  );
}

test("a dialog over another one leaves focus in that one, whatever goes within", async () => {
  const { rerender } = render(<Stacked hasUpper={false} isBusy={false} />);
  await inDialog("lower");
  rerender(<Stacked hasUpper isBusy={false} />);
  await inDialog("upper");
  rerender(<Stacked hasUpper={false} isBusy />);
  await focused(screen.getByRole("dialog", { name: "lower" }));
});
