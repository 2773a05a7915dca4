"use client";

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Input } from "@/components/ui/input";
import { Segmented } from "@/components/ui/segmented";
import { formatDuration, plural } from "@/lib/browser/format";
import { leaseQuery } from "@/lib/browser/keys";
import type { LeaseFields, ParsedLease } from "@/lib/browser/lease-choice";
import { errorText, RequestError } from "@/lib/browser/request";

interface LeaseFieldProps {
  cluster: string;
  fields: LeaseFields;
  parsed: ParsedLease;
  onChange: (fields: LeaseFields) => void;
}

const KINDS = [
  { value: "none", label: "None" },
  { value: "existing", label: "Existing" },
  { value: "new", label: "New" },
] as const;

/** What the new key hangs on, and what that means for how long it stays. */
export function LeaseField({ cluster, fields, parsed, onChange }: LeaseFieldProps) {
  const error = parsed.ok ? null : parsed.error;
  return (
    <div className="flex flex-col gap-1">
      <span className="text-xs font-medium text-ink-2">Lease</span>
      <div className="flex gap-2">
        <Segmented
          label="Lease of the key"
          value={fields.kind}
          choices={KINDS}
          onChange={(kind) => onChange({ ...fields, kind })}
        />
        {fields.kind === "existing" ? (
          <Input
            aria-label="Lease id in hex"
            aria-invalid={error !== null}
            aria-describedby="new-lease-standing"
            placeholder="Id in hex, such as 694d8257012b2c4a"
            value={fields.id}
            onChange={(event) => onChange({ ...fields, id: event.target.value })}
            className="font-mono text-xs placeholder:font-sans placeholder:text-sm"
          />
        ) : null}
        {fields.kind === "new" ? (
          <Input
            aria-label="Time to live in seconds"
            aria-invalid={error !== null}
            aria-describedby="new-lease-standing"
            inputMode="numeric"
            placeholder="Seconds to live"
            value={fields.seconds}
            onChange={(event) => onChange({ ...fields, seconds: event.target.value })}
            className="figures"
          />
        ) : null}
      </div>
      <div id="new-lease-standing" className="text-xs text-ink-3">
        {error === null ? (
          <Standing cluster={cluster} fields={fields} parsed={parsed} />
        ) : (
          <span role="alert" className="text-bad">
            {error}
          </span>
        )}
      </div>
    </div>
  );
}

function Standing({ cluster, fields, parsed }: Omit<LeaseFieldProps, "onChange">) {
  const lease = parsed.ok ? parsed.lease : null;
  if (fields.kind === "none") return "The key stays until it is deleted.";
  if (lease === null) {
    return fields.kind === "new"
      ? "When the time is over, the key is deleted with its lease."
      : "When the lease ends, the key is deleted with it.";
  }
  if (lease.kind === "existing") return <KnownLease cluster={cluster} id={lease.id} />;
  if (lease.kind === "none") return null;
  return `Deleted in ${formatDuration(lease.ttlSeconds)} unless something keeps its lease alive.`;
}

function KnownLease({ cluster, id }: { cluster: string; id: string }) {
  const settled = useSettled(id);
  const { data, error } = useQuery({
    ...leaseQuery(cluster, settled ?? ""),
    enabled: settled !== null,
  });
  if (settled === null) return "Looking for the lease.";
  if (error !== null) {
    const isGone = error instanceof RequestError && error.code === "not-found";
    return (
      <span role="alert" className="text-warn">
        {isGone ? "There is no such lease: it has ended, or never was." : errorText(error)}
      </span>
    );
  }
  if (data === undefined) return "Looking for the lease.";
  const { ttlSeconds, grantedTtlSeconds, keyCount } = data;
  const time = `${formatDuration(ttlSeconds)} left of ${formatDuration(grantedTtlSeconds)}`;
  if (keyCount === null) return `${time}. How many keys are on it is not known.`;
  return `${time}, with ${plural(keyCount, "key")} on it now.`;
}

/** Every digit that is typed names another lease; only one that stays is asked for. */
const SETTLED_MS = 400;

function useSettled(id: string): string | null {
  const [settled, setSettled] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(id), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [id]);
  return settled === id ? id : null;
}
