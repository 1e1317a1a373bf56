/** A public key as policies write it: its PEM without the lines around it. */
export function keyLine(pem: string): string {
  return pem.replace(/-----[^-]*-----|\n/g, '');
}
