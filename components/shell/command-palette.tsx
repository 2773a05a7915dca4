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
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-fade bg-veil" />
        <Radix.Content
          aria-describedby={undefined}
          className="fixed top-[14vh] left-1/2 z-50 w-[calc(100vw-32px)] max-w-xl -translate-x-1/2 animate-rise overflow-hidden rounded-lg border bg-raised shadow-float"
        >
          <Radix.Title className="sr-only">Go to a page or key</Radix.Title>
          <PaletteBody close={() => onOpenChange(false)} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function PaletteBody({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  const router = useRouter();
  const areaHref = useAreaHref();
  const { setTheme } = useTheme();
  const shell = useShell();
  const run = (action: () => void) => () => {
    close();
    action();
  };
  const wanted = text.trim().toLowerCase();
  const fits = (label: string) => label.toLowerCase().includes(wanted);
  const commands = [
    ...THEMES.map((theme) => ({
      label: `Appearance: ${theme.label}`,
      icon: <Palette />,
      act: () => setTheme(theme.value),
    })),
    { label: "Keyboard shortcuts", icon: <Keyboard />, act: shell.openShortcuts },
    { label: "Sign out", icon: <LogOut />, act: shell.signOut },
  ];
  return (
    <Command label="Go to a page or key" loop shouldFilter={false}>
      <Command.Input
        value={text}
        onValueChange={setText}
        placeholder="Page, key or command"
        className="h-12 w-full border-b bg-transparent px-4 text-base outline-none"
      />
      <Command.List className="max-h-96 overflow-auto p-1.5">
        <Command.Empty className="p-4 text-sm text-ink-2">Nothing fits.</Command.Empty>
        <Group heading="Pages" isEmpty={!AREAS.some((area) => fits(area.label))}>
          {AREAS.filter((area) => fits(area.label)).map((area) => (
            <Row
              key={area.name}
              icon={<area.Icon />}
              onSelect={run(() => router.push(areaHref(area.name)))}
            >
              {area.label}
            </Row>
          ))}
        </Group>
        {text === "" ? null : <KeyRows text={text} run={run} />}
        <Group heading="Commands" isEmpty={!commands.some(({ label }) => fits(label))}>
          {commands
            .filter(({ label }) => fits(label))
            .map(({ label, icon, act }) => (
              <Row key={label} icon={icon} onSelect={run(act)}>
                {label}
              </Row>
            ))}
        </Group>
      </Command.List>
    </Command>
  );
}

interface KeyRowsProps {
  text: string;
  run: (action: () => void) => () => void;
}

/** Keys that start with what is typed; the exact one can be opened even before they arrive. */
function KeyRows({ text, run }: KeyRowsProps) {
  const cluster = useCluster();
  const router = useRouter();
  const parsed = parseKey(useDeferredValue(text));
  const prefix = parsed.ok ? parsed.bytes : null;
  const { data } = useQuery(searchKeysQuery(cluster, prefix, HITS_MAX));
  if (prefix === null) return null;
  const open = (key: Uint8Array) => run(() => router.push(keysHref({ cluster, key })));
  const hits = data?.keys.map((meta) => decodeBase64(meta.key)) ?? [];
  return (
    <Group heading={data === undefined ? "Keys" : `Keys starting with “${formatKey(prefix)}”`}>
      {hits.map((key) => (
        <Row key={formatKey(key)} icon={<KeyRound />} onSelect={open(key)}>
          <span className="truncate font-mono text-xs">{formatKey(key)}</span>
        </Row>
      ))}
      {hits.length > 0 ? null : (
        <Row icon={<ArrowRight />} onSelect={open(prefix)}>
          Open key <span className="truncate font-mono text-xs">{formatKey(prefix)}</span>
        </Row>
      )}
    </Group>
  );
}

interface GroupProps {
  heading: string;
  isEmpty?: boolean;
  children: ReactNode;
}

function Group({ heading, isEmpty, children }: GroupProps) {
  if (isEmpty) return null;
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:truncate [&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-ink-3"
    >
      {children}
    </Command.Group>
  );
}

interface RowProps {
  icon: ReactNode;
  onSelect: () => void;
  children: ReactNode;
}

function Row({ icon, onSelect, children }: RowProps) {
  return (
    <Command.Item
      onSelect={onSelect}
      className="group flex h-9 cursor-default items-center gap-2.5 rounded-md px-2.5 text-sm data-[selected=true]:bg-hover [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-ink-3"
    >
      {icon}
      <span className="flex min-w-0 flex-1 items-center gap-1.5">{children}</span>
      <CornerDownLeft aria-hidden className="opacity-0 group-data-[selected=true]:opacity-100" />
    </Command.Item>
  );
}
