import { Check, ChevronDown } from "lucide-react";
import { Select as Radix } from "radix-ui";
import { cn } from "@/components/ui/class-names";
import { styleNonce } from "@/components/ui/style-nonce";

interface SelectProps {
  id?: string;
  label: string;
  value: string;
  choices: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
  className?: string;
}

export function Select({ id, label, value, choices, onChange, className }: SelectProps) {
  return (
    <Radix.Root value={value} onValueChange={onChange}>
      <Radix.Trigger
        id={id}
        aria-label={label}
        className={cn(
          "inline-flex h-8 min-w-0 items-center justify-between gap-2 rounded-md border border-line-strong bg-raised px-2.5 text-sm hover:border-ink-3",
          className,
        )}
      >
        <Radix.Value />
        <Radix.Icon>
          <ChevronDown aria-hidden className="size-3.5 text-ink-3" />
        </Radix.Icon>
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          position="popper"
          sideOffset={4}
          collisionPadding={8}
          className="z-60 min-w-(--radix-select-trigger-width) animate-rise rounded-lg border bg-raised p-1 shadow-float"
        >
          <Choices choices={choices} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Drawn in the browser only, with a style element of its own. */
function Choices({ choices }: Pick<SelectProps, "choices">) {
  return (
    <Radix.Viewport nonce={styleNonce()}>
      {choices.map((choice) => (
        <Radix.Item
          key={choice.value}
          value={choice.value}
          className="flex h-8 cursor-default items-center justify-between gap-4 rounded-md px-2 text-sm outline-none select-none data-[highlighted]:bg-hover"
        >
          <Radix.ItemText>{choice.label}</Radix.ItemText>
          <Radix.ItemIndicator>
            <Check aria-hidden className="size-3.5" />
          </Radix.ItemIndicator>
        </Radix.Item>
      ))}
    </Radix.Viewport>
  );
}
