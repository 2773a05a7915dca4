const HOME = "/overview";
const BASE = "http://console.invalid";

/** Where to go after signing in: a path of this console, whatever the address asked for. */
export function localPath(wanted: string | string[] | undefined): string {
  if (typeof wanted !== "string" || !wanted.startsWith("/")) return HOME;
  if (!URL.canParse(wanted, BASE)) return HOME;
  const url = new URL(wanted, BASE);
  if (url.origin !== BASE || /^\/(login|api)(\/|$)/.test(url.pathname)) return HOME;
  if (url.pathname.startsWith("//")) return HOME;
  return url.pathname + url.search + url.hash;
}
