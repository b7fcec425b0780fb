/** How TLS is written in tracking. */

/** `TLSv1.3 TLS_AES_256_GCM_SHA384`, with `(unverified)` where a certificate was not checked; undefined without TLS. */
export function tlsText(
  tls: { readonly version: string; readonly cipher: string; readonly verified?: boolean } | undefined,
): string | undefined {
  if (tls === undefined) return undefined;
  return `${tls.version} ${tls.cipher}${tls.verified === false ? ' (unverified)' : ''}`;
}
