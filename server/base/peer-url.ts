const FORM = /^(https?|unixs?):\/\/([^/?#@\s]*:\d{1,5})$/;

/** http, https, unix or unixs, host and port, no path: everything else would stop a Go member. */
export function isPeerUrl(url: string): boolean {
  const port = FORM.exec(url)?.[2]?.split(":").at(-1);
  return port !== undefined && Number(port) <= 65_535;
}
