/** Where the operator says what happens: fields for programs, a text for people. */

export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
