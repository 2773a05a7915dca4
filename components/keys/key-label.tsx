import { cn } from "@/components/ui/class-names";
import { formatKey } from "@/lib/browser/key-text";

interface KeyLabelProps {
  bytes: Uint8Array;
  className?: string;
}

/** Escapes are dimmed, so that \xff does not read as four letters of the key. */
export function KeyLabel({ bytes, className }: KeyLabelProps) {
  const text = formatKey(bytes);
  if (text === "") {
    return <span className={cn("text-ink-3 italic", className)}>(empty name)</span>;
  }
  if (!text.includes("\\")) return <span className={className}>{text}</span>;
  return (
    <span className={className}>
      {text.split(/(\\x[0-9a-f]{2}|\\\\)/).map((part, at) => {
        const isEscape = /^\\(x[0-9a-f]{2}|\\)$/.test(part);
        return isEscape ? (
          <span key={`${at} ${part}`} className="text-warn">
            {part}
          </span>
        ) : (
          part
        );
      })}
    </span>
  );
}
