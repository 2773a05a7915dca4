"use client";

import { Database, Terminal } from "lucide-react";
import { useConnection } from "@/components/shell/cluster";
import { Button } from "@/components/ui/button";
import { CopyCommandButton } from "@/components/ui/copy-button";
import { Blank } from "@/components/ui/notice";
import { formatDecimal } from "@/lib/browser/format";

interface EmptyTreeProps {
  /** Set when the past is looked at. */
  fixed: string | undefined;
  refusal: string | null;
  onCreate: () => void;
}

/** In place of a tree without keys. */
export function EmptyTree({ fixed, refusal, onCreate }: EmptyTreeProps) {
  if (fixed !== undefined) {
    return (
      <Blank icon={<Database aria-hidden />} title="The key space was empty">
        No key was there at revision {formatDecimal(fixed)}.
      </Blank>
    );
  }
  return (
    <Blank
      icon={<Database aria-hidden />}
      title="The key space is empty"
      actions={
        <Button refusal={refusal} onClick={onCreate}>
          Create the first key
        </Button>
      }
    >
      Keys appear here as soon as something writes them.
    </Blank>
  );
}

/** In place of a key, where there is none to choose: how a shell writes the first one. */
export function FirstKeyHint() {
  const connection = useConnection();
  if (connection === undefined) return null;
  const access = connection.user === null ? "" : ` --user=${connection.user}`;
  const command = `etcdctl --endpoints=${connection.endpoints[0]}${access} put hello world`;
  return (
    <Blank
      icon={<Terminal aria-hidden />}
      title="Any etcd client can write here"
      actions={<CopyCommandButton command={command} label="Copy" />}
    >
      <code className="mt-2 block rounded-md border bg-raised px-3 py-2 text-left font-mono text-xs break-words text-ink">
        {command}
      </code>
      {connection.tls ? (
        <span className="mt-2 block">With the certificates that this cluster asks for.</span>
      ) : null}
    </Blank>
  );
}
