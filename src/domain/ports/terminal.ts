export interface Clock {
  now(): Date;
}

export interface Progress {
  /** One long piece of work; `total` in bytes. */
  start(label: string, total: number): { advance(bytes: number): void; end(): void };
}
