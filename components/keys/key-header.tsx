"use client";

import {
  Activity,
  ArrowLeft,
  ClipboardCopy,
  Ellipsis,
  Link2,
  Terminal,
  Trash2,
} from "lucide-react";
import Link from "next/link";
import type { ReactNode } from "react";
import { KeyLabel } from "@/components/keys/key-label";
import { useCopy } from "@/components/keys/use-copy";
import { Button } from "@/components/ui/button";
import { Menu, MenuItem, MenuSeparator } from "@/components/ui/menu";
import { formatKey } from "@/lib/browser/key-text";

export interface CopyableCommand {
  readonly label: string;
  /** Null: no command line can hold these bytes. */
  readonly command: string | null;
}

interface KeyHeaderProps {
  bytes: Uint8Array;
  /** "key" or "folder", as the reader calls it. */
  what: string;
  badges: ReactNode;
  link: string;
  watchLink: string;
  commands: readonly CopyableCommand[];
  /** Absent where nothing may be deleted. */
  onDelete?: (() => void) | undefined;
  deleteLabel: string;
  /** Why nothing may be deleted now, or null. */
  refusal: string | null;
  /** Back to the tree, where only one of the two fits. */
  onBack: () => void;
}

export function KeyHeader(props: KeyHeaderProps) {
  const { bytes, what, badges, watchLink, onBack } = props;
  return (
    <header className="flex shrink-0 items-start justify-between gap-3 px-4 pt-3 pb-2">
      <div className="flex min-w-0 items-start gap-2">
        <Button
          tone="quiet"
          size="icon-sm"
          aria-label="Back to the tree"
          onClick={onBack}
          className="-ml-1.5 sm:hidden"
        >
          <ArrowLeft />
        </Button>
        <div className="min-w-0">
          <h1 className="max-h-20 overflow-auto font-mono text-sm leading-6 font-medium [overflow-wrap:anywhere] whitespace-pre-wrap">
            <KeyLabel bytes={bytes} />
          </h1>
          <div className="flex min-h-5 flex-wrap items-center gap-1.5">{badges}</div>
        </div>
      </div>
      <div className="flex shrink-0 items-center gap-1.5">
        <Button asChild size="sm">
          <Link href={watchLink}>
            <Activity /> Watch
          </Link>
        </Button>
        <MoreMenu {...props} what={what} />
      </div>
    </header>
  );
}

function MoreMenu(props: KeyHeaderProps) {
  const { bytes, what, link, commands, onDelete, deleteLabel, refusal } = props;
  const copy = useCopy();
  return (
    <Menu
      trigger={
        <Button size="icon-sm" aria-label={`More actions for this ${what}`}>
          <Ellipsis />
        </Button>
      }
    >
      <MenuItem onSelect={() => copy(formatKey(bytes), `The ${what} is copied`)}>
        <ClipboardCopy aria-hidden /> Copy {what}
      </MenuItem>
      <MenuItem onSelect={() => copy(window.location.origin + link, "The link is copied")}>
        <Link2 aria-hidden /> Copy link
      </MenuItem>
      <MenuSeparator />
      {commands.map(({ label, command }) => (
        <MenuItem
          key={label}
          disabled={command === null}
          onSelect={() => copy(command ?? "", "The command is copied")}
        >
          <Terminal aria-hidden /> {label}
        </MenuItem>
      ))}
      {onDelete === undefined ? null : (
        <>
          <MenuSeparator />
          <MenuItem tone="danger" refusal={refusal} onSelect={onDelete}>
            <Trash2 aria-hidden /> {deleteLabel}
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
