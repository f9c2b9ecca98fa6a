// What may be typed as a machine's name and address. Pure text; the server has the last word.

/** Says what is wrong with an address, or undefined. */
export function addressProblem(text: string): string | undefined {
  const address = text.trim();
  if (address === "") {
    return "Type the machine's host name or IP address, for example 192.168.0.10.";
  }
  if (/\s/.test(address)) {
    return "An address has no spaces.";
  }
  if (address.includes("@")) {
    return "Leave user name and password out of the address; they are asked for separately and kept secret.";
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address);
  if (scheme !== null && !/^https?$/i.test(scheme[1] ?? "")) {
    return `"${scheme[1] ?? ""}" is not a way to reach a runtime. Type host, host:port or https://host:port.`;
  }
  const rest = address.slice(scheme?.[0].length ?? 0).replace(/\/$/, "");
  if (rest === "" || rest.includes("/")) {
    return "Type host or host:port, without a path.";
  }
  return portProblem(rest);
}

function portProblem(hostAndPort: string): string | undefined {
  const bracketed = /^\[([0-9a-f:.%]+)\](?::(.*))?$/i.exec(hostAndPort);
  const plain = /^([^:[\]]+)(?::(.*))?$/.exec(hostAndPort);
  const bareIpv6 = /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(hostAndPort);
  if (bracketed === null && plain === null) {
    return bareIpv6 ? undefined : "This is neither host, host:port nor [IPv6]:port.";
  }
  const port = (bracketed ?? plain)?.[2];
  if (port === undefined) {
    return undefined;
  }
  const number = Number(port);
  return /^\d{1,5}$/.test(port) && number >= 1 && number <= 65535 ? undefined : "The port is a number from 1 to 65535.";
}

/** Says what is wrong with a name for a connection, or for what else it is, or undefined. */
export function nameProblem(text: string, taken: readonly string[], what = "connection"): string | undefined {
  const name = text.trim();
  if (name === "") {
    return "Type a short name, for example line3.";
  }
  if (name.length > 60) {
    return "Use at most 60 characters.";
  }
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(name)) {
    return "Use letters, digits, spaces and . _ - and begin with a letter or digit.";
  }
  if (taken.some((other) => other.toLowerCase() === name.toLowerCase())) {
    return `There is already a${/^[aeiou]/.test(what) ? "n" : ""} ${what} "${name}".`;
  }
  return undefined;
}

/** A name to offer for an address: its host, without the domain of a host name. */
export function suggestedName(address: string): string {
  const host = address
    .trim()
    .replace(/^[a-z]+:\/\//i, "")
    .replace(/\/$/, "")
    .replace(/^\[|\](:\d+)?$/g, "")
    .replace(/^([^:]*):\d+$/, "$1");
  const name = /^[\d.]+$|:/.test(host) ? host : (host.split(".")[0] ?? host);
  return name.replace(/:/g, "-").replace(/^-+/, "");
}
