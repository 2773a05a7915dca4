"use client";

import { useQuery } from "@tanstack/react-query";
import { Command } from "cmdk";
import { ArrowRight, CornerDownLeft, Keyboard, KeyRound, LogOut, Palette } from "lucide-react";
import { useRouter } from "next/navigation";
import { useTheme } from "next-themes";
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useDeferredValue, useState } from "react";
import { AREAS } from "@/components/shell/areas";
import { useAreaHref, useCluster } from "@/components/shell/cluster";
import { useShell } from "@/components/shell/shell-context";
import { THEMES } from "@/components/shell/themes";
import { useFocusReturn } from "@/components/ui/use-focus-return";
import { formatKey, parseKey } from "@/lib/browser/key-text";
import { searchKeysQuery } from "@/lib/browser/keys";
import { keysHref } from "@/lib/browser/page-address";
import { decodeBase64 } from "@/lib/schema/bytes";

const HITS_MAX = 8;

interface CommandPaletteProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function CommandPalette({ open, onOpenChange }: CommandPaletteProps) {
  const { remember, giveBack } = useFocusReturn();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-fade bg-veil" />
        <Radix.Content
          aria-describedby={undefined}
          onOpenAutoFocus={remember}
          onCloseAutoFocus={giveBack}
          className="fixed top-[14vh] left-1/2 z-50 w-[calc(100vw-32px)] max-w-xl -translate-x-1/2 animate-rise overflow-hidden rounded-lg border bg-raised shadow-float"
        >
          <Radix.Title className="sr-only">Go to a page or key</Radix.Title>
          <PaletteBody close={() => onOpenChange(false)} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface PaletteRow {
  /** Unique over all groups. */
  readonly id: string;
  readonly icon: ReactNode;
  readonly label: ReactNode;
  readonly act: () => void;
}

interface PaletteGroup {
  readonly heading: string;
  readonly rows: readonly PaletteRow[];
}

function PaletteBody({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState("");
  const pages = usePages(text);
  const keys = useKeys(text);
  const commands = useCommands(text);
  const groups = [pages, keys, commands].filter((group) => group.rows.length > 0);
  const ids = groups.flatMap((group) => group.rows.map((row) => row.id));
  return (
    <Command
      label="Go to a page or key"
      loop
      shouldFilter={false}
      value={ids.includes(chosen) ? chosen : (ids[0] ?? "")}
      onValueChange={setChosen}
    >
      <Command.Input
        value={text}
        onValueChange={setText}
        placeholder="Page, key or command"
        className="h-12 w-full border-b bg-transparent px-4 text-base outline-none"
      />
      <Command.List className="max-h-96 overflow-auto p-1.5">
        {groups.length > 0 ? null : <p className="p-4 text-sm text-ink-2">Nothing fits.</p>}
        {groups.map((group) => (
          <Group key={group.heading} heading={group.heading}>
            {group.rows.map((row) => (
              <Row
                key={row.id}
                row={row}
                onSelect={() => {
                  close();
                  row.act();
                }}
              />
            ))}
          </Group>
        ))}
      </Command.List>
    </Command>
  );
}

function fits(label: string, text: string): boolean {
  return label.toLowerCase().includes(text.trim().toLowerCase());
}

function usePages(text: string): PaletteGroup {
  const router = useRouter();
  const areaHref = useAreaHref();
  const rows = AREAS.filter((area) => fits(area.label, text)).map((area) => ({
    id: `page ${area.name}`,
    icon: <area.Icon />,
    label: area.label,
    act: () => router.push(areaHref(area.name)),
  }));
  return { heading: "Pages", rows };
}

function useCommands(text: string): PaletteGroup {
  const { setTheme } = useTheme();
  const shell = useShell();
  const themes = THEMES.map((theme) => ({
    label: `Appearance: ${theme.label}`,
    icon: <Palette />,
    act: () => setTheme(theme.value),
  }));
  const others = [
    { label: "Keyboard shortcuts", icon: <Keyboard />, act: shell.openShortcuts },
    { label: "Sign out", icon: <LogOut />, act: shell.signOut },
  ];
  const rows = [...themes, ...others]
    .filter(({ label }) => fits(label, text))
    .map((row) => ({ id: `command ${row.label}`, ...row }));
  return { heading: "Commands", rows };
}

/** Keys that start with what is typed; the exact one can be opened even before they arrive. */
function useKeys(text: string): PaletteGroup {
  const cluster = useCluster();
  const router = useRouter();
  const parsed = parseKey(useDeferredValue(text));
  const prefix = parsed.ok && parsed.bytes.length > 0 ? parsed.bytes : null;
  const { data } = useQuery(searchKeysQuery(cluster, prefix, HITS_MAX));
  if (prefix === null) return { heading: "Keys", rows: [] };
  const rowOf = (key: Uint8Array, icon: ReactNode, verb: string): PaletteRow => ({
    id: `key ${formatKey(key)}`,
    icon,
    label: (
      <>
        {verb} <span className="truncate font-mono text-xs">{formatKey(key)}</span>
      </>
    ),
    act: () => router.push(keysHref({ cluster, key })),
  });
  const hits = data?.keys ?? [];
  if (hits.length === 0) {
    return { heading: "Keys", rows: [rowOf(prefix, <ArrowRight />, "Open key")] };
  }
  return {
    heading: `Keys starting with “${formatKey(prefix)}”`,
    rows: hits.map((meta) => rowOf(decodeBase64(meta.key), <KeyRound />, "")),
  };
}

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:truncate [&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-ink-3"
    >
      {children}
    </Command.Group>
  );
}

function Row({ row, onSelect }: { row: PaletteRow; onSelect: () => void }) {
  return (
    <Command.Item
      value={row.id}
      onSelect={onSelect}
      className="group flex h-9 cursor-default items-center gap-2.5 rounded-md px-2.5 text-sm data-[selected=true]:bg-hover [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-ink-3"
    >
      {row.icon}
      <span className="flex min-w-0 flex-1 items-center gap-1.5">{row.label}</span>
      <CornerDownLeft aria-hidden className="opacity-0 group-data-[selected=true]:opacity-100" />
    </Command.Item>
  );
}
