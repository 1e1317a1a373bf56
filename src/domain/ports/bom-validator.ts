/** A place in a BOM that the official schema refuses. */
export interface SchemaProblem {
  /** RFC 6901 pointer in JSON; `line N` in XML. */
  readonly pointer: string;
  readonly message: string;
  /** The schema's keyword: `required`, `enum`… */
  readonly keyword: string;
}

/** The official CycloneDX schemas. */
export interface BomSchemaValidator {
  /** Nothing when the text is valid. The text is well-formed JSON; `specVersion` one that has a schema (1.2–1.7). */
  validate(text: string, specVersion: string): Promise<readonly SchemaProblem[]>;
  /** The same for XML, against the XSD; null where the optional package for it is not installed. */
  validateXml(text: string, specVersion: string): Promise<readonly SchemaProblem[] | null>;
}
