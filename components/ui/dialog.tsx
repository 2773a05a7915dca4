import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/class-names";
import { useFocusReturn } from "@/components/ui/use-focus-return";

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description: ReactNode;
  /** Widths: a question, a form, a comparison. */
  size?: "sm" | "md" | "lg";
  children?: ReactNode;
  footer?: ReactNode;
}

/** To the element that asks for it with data-autofocus, else to the first one. */
function focusMarked(event: Event) {
  const { currentTarget } = event;
  const wanted =
    currentTarget instanceof HTMLElement
      ? currentTarget.querySelector<HTMLElement>("[data-autofocus]")
      : null;
  if (wanted === null) return;
  event.preventDefault();
  wanted.focus();
}

const widths = { sm: "max-w-md", md: "max-w-xl", lg: "max-w-6xl" };

export function Dialog(props: DialogProps) {
  const { open, onOpenChange, title, description, size, children, footer } = props;
  const { remember, giveBack } = useFocusReturn();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-fade bg-veil" />
        <Radix.Content
          onOpenAutoFocus={(event) => {
            remember();
            focusMarked(event);
          }}
          onCloseAutoFocus={giveBack}
          className={cn(
            "fixed top-[8vh] left-1/2 z-50 flex max-h-[84vh] w-[calc(100vw-32px)] -translate-x-1/2 animate-rise flex-col overflow-hidden rounded-lg border bg-panel shadow-float",
            widths[size ?? "md"],
          )}
        >
          <div className="flex items-start justify-between gap-4 border-b px-5 py-3.5">
            <div className="min-w-0">
              <Radix.Title className="text-lg font-semibold">{title}</Radix.Title>
              <Radix.Description asChild>
                <div className="text-sm text-ink-2">{description}</div>
              </Radix.Description>
            </div>
            <Radix.Close asChild>
              <Button tone="quiet" size="icon-sm" aria-label="Close">
                <X />
              </Button>
            </Radix.Close>
          </div>
          {children === undefined ? null : (
            <div className="min-h-0 flex-1 overflow-auto px-5 py-4">{children}</div>
          )}
          {footer === undefined ? null : (
            <div className="flex flex-wrap items-center justify-end gap-2 border-t bg-canvas px-5 py-3">
              {footer}
            </div>
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
