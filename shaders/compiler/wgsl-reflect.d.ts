/** The package ships types for its Node entry only, which is broken under ESM; this is the file that works. */
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export class WgslParser {
    parse(text: string): readonly unknown[]
  }
}
