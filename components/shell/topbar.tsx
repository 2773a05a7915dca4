"use client";

import { useQuery } from "@tanstack/react-query";
import { CircleUser, Keyboard, LogOut, Search } from "lucide-react";
import { useTheme } from "next-themes";
import { ClusterPulse } from "@/components/shell/cluster-pulse";
import { useShell } from "@/components/shell/shell-context";
import { THEMES } from "@/components/shell/themes";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from "@/components/ui/menu";
import { useCommandKey } from "@/components/ui/platform";
import { sessionQuery } from "@/lib/browser/clusters";

export function Topbar() {
  const { openPalette } = useShell();
  const commandKey = useCommandKey();
  const { data: session } = useQuery(sessionQuery());
  return (
    <header className="flex h-12 shrink-0 items-center justify-between gap-3 border-b bg-panel px-3">
      <ClusterPulse />
      <div className="flex items-center gap-2">
        <button
          type="button"
          onClick={openPalette}
          className="flex h-8 items-center gap-2 rounded-md border bg-canvas px-2.5 text-xs text-ink-3 hover:border-line-strong hover:text-ink-2"
        >
          <Search aria-hidden className="size-3.5" />
          <span className="hidden md:inline md:w-36 md:text-left">Go to page or key</span>
          <span className="sr-only md:hidden">Go to page or key</span>
          <Kbd className="max-md:hidden">{commandKey} K</Kbd>
        </button>
        <UserMenu userName={session?.user.name ?? ""} />
      </div>
    </header>
  );
}

function UserMenu({ userName }: { userName: string }) {
  const { theme, setTheme } = useTheme();
  const { openShortcuts, signOut } = useShell();
  return (
    <Menu
      trigger={
        <Button
          tone="quiet"
          aria-label={
            userName === "" ? "Account and settings" : `${userName}, account and settings`
          }
        >
          <CircleUser />
          <span className="hidden max-w-32 truncate md:inline">{userName}</span>
        </Button>
      }
    >
      {userName === "" ? null : <MenuLabel>Signed in as {userName}</MenuLabel>}
      <MenuChoice
        label="Appearance"
        value={theme ?? "system"}
        choices={THEMES}
        onChange={setTheme}
      />
      <MenuSeparator />
      <MenuItem onSelect={openShortcuts}>
        <Keyboard aria-hidden />
        <span className="flex-1">Keyboard shortcuts</span>
        <Kbd>?</Kbd>
      </MenuItem>
      <MenuItem onSelect={signOut}>
        <LogOut aria-hidden />
        Sign out
      </MenuItem>
    </Menu>
  );
}
