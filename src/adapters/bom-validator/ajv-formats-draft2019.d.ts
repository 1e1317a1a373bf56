/** What is used of a package that brings no types: a plug-in of ajv. */
declare module 'ajv-formats-draft2019' {
  const addFormats: (ajv: object, options?: object) => void;
  export default addFormats;
}
