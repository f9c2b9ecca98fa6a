// What may be typed about a vPLC's network and version. Pure text; hub and agent have the last word.

/** The bits of an IPv4 address, or undefined when the text is none. */
export function ipv4(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text.trim())?.slice(1).map(Number);
  return parts?.every((part) => part <= 255) ? parts.reduce((bits, part) => bits * 256 + part, 0) : undefined;
}

/** The length of the network part of a mask: `255.255.255.0` or `24`; undefined when the text is none. */
export function prefixLength(text: string): number | undefined {
  const short = /^\/?(\d{1,2})$/.exec(text.trim())?.[1];
  if (short !== undefined) {
    return usable(Number(short));
  }
  const ones = ipv4(text)?.toString(2).padStart(32, "0");
  return ones !== undefined && /^1+0+$/.test(ones) ? usable(ones.indexOf("0")) : undefined;
}

/** A network with two addresses besides its own and the one for all. */
function usable(length: number): number | undefined {
  return length >= 1 && length <= 30 ? length : undefined;
}

/** A mask as agents take it: four numbers. */
export function dottedMask(length: number): string {
  const bits = 2 ** 32 - 2 ** (32 - length);
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join(".");
}

export function ipv4Problem(text: string): string | undefined {
  const bits = ipv4(text);
  if (bits === undefined) {
    return "Type an IPv4 address, for example 192.168.0.50.";
  }
  const first = Math.floor(bits / 2 ** 24);
  return first === 0 || first === 127 || first >= 224 ? "This address cannot be given to a machine." : undefined;
}

export function maskProblem(text: string, address: string): string | undefined {
  const length = prefixLength(text);
  if (length === undefined) {
    return "Type a subnet mask, for example 255.255.255.0 or 24.";
  }
  const host = (ipv4(address) ?? 0) % 2 ** (32 - length);
  return host === 0 || host === 2 ** (32 - length) - 1 ? `${address} is the network itself or its broadcast address, so no machine can have it.` : undefined;
}

export function gatewayProblem(text: string, address: string, mask: string): string | undefined {
  const gateway = ipv4(text);
  const [length, own] = [prefixLength(mask), ipv4(address)];
  if (gateway === undefined || length === undefined || own === undefined) {
    return "Type the gateway's IPv4 address, for example 192.168.0.1.";
  }
  if (gateway === own) {
    return "The gateway is another machine than this one.";
  }
  const size = 2 ** (32 - length);
  return Math.floor(gateway / size) === Math.floor(own / size) ? undefined : `The gateway is not in the network of ${address} with the mask ${mask}.`;
}

/** Addresses with commas or spaces between them; none is allowed. */
export function nameServers(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "");
}

export function nameServersProblem(text: string): string | undefined {
  const servers = nameServers(text);
  if (servers.length > 3) {
    return "Type at most three name servers.";
  }
  return servers.every((server) => ipv4Problem(server) === undefined) ? undefined : "Type IPv4 addresses with commas between them, or nothing.";
}

/** The version of the runtime's image. */
export function versionProblem(text: string): string | undefined {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(text.trim()) ? undefined : 'Type a version such as v4.1.4, or "latest".';
}
