import { Notice } from "@/components/ui/notice";
import { formatDecimal, plural } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import { decodeBase64 } from "@/lib/schema/bytes";
import type { DeletePreviewReply } from "@/lib/schema/keys";

interface DeletePreviewProps {
  preview: DeletePreviewReply;
  prefix: Uint8Array;
  separator: Uint8Array;
}

/** Exactly what will go: how many, which, and between which bounds. */
export function DeletePreview({ preview, prefix, separator }: DeletePreviewProps) {
  const { count, revision, sample, start, end } = preview;
  if (count === 0) {
    return <Notice tone="info" title="No key has this prefix. There is nothing to delete." />;
  }
  const rest = count - sample.length;
  return (
    <div className="flex flex-col gap-3">
      <p className="text-base">
        <strong className="figures font-semibold text-bad">{plural(count, "key")}</strong> will be
        deleted, counted at revision {formatDecimal(revision)}. There is no undo.
      </p>
      <ul className="max-h-44 overflow-auto rounded-md border bg-sunken px-3 py-2 font-mono text-xs leading-5">
        {sample.map((meta) => (
          <li key={meta.key} className="truncate">
            {formatKey(decodeBase64(meta.key))}
          </li>
        ))}
        {rest > 0 ? <li className="font-sans text-ink-3">and {plural(rest, "more key")}</li> : null}
      </ul>
      <dl className="grid grid-cols-[auto_1fr] gap-x-3 text-xs [&_dd]:truncate [&_dd]:font-mono [&_dt]:text-ink-3">
        <dt>From</dt>
        <dd>{start === "" ? "the first key" : formatKey(decodeBase64(start))}</dd>
        <dt>Up to, excluded</dt>
        <dd>{end === null ? "the end of all keys" : formatKey(decodeBase64(end))}</dd>
      </dl>
      <Siblings prefix={prefix} separator={separator} />
    </div>
  );
}

/** A prefix is no folder: without its separator it takes its namesakes along. */
function Siblings({ prefix, separator }: { prefix: Uint8Array; separator: Uint8Array }) {
  if (prefix.length === 0) return null;
  const text = formatKey(prefix);
  const divider = formatKey(separator);
  if (text.endsWith(divider)) {
    const bare = text.slice(0, text.length - divider.length);
    if (bare === "") return null;
    return (
      <p className="text-xs text-ink-2">
        The key <code className="font-mono">{bare}</code> itself and names that only begin like it,
        such as <code className="font-mono">{bare}2</code>, stay.
      </p>
    );
  }
  return (
    <Notice tone="warn" title="This prefix does not end with the separator">
      Names that only begin like it go too: <code className="font-mono">{text}</code>,{" "}
      <code className="font-mono">{text}2</code> and{" "}
      <code className="font-mono">
        {text}
        {divider}…
      </code>
    </Notice>
  );
}
