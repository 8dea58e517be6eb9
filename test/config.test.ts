import { expect, test } from "@jest/globals";
import { configReader } from "../src/config.ts";

const problem = (url: string) => {
  const reader = configReader();
  reader.keysUrl("--jwks-url", url);
  return () => reader.finish();
};

test.each([
  "https://id.example.com/keys",
  "http://127.0.0.1:8080/keys",
  "http://localhost/keys",
  "http://[::1]:8080/keys",
])("keys for tokens may come from %s", (url) => {
  expect(problem(url)).not.toThrow();
});

test.each([
  "http://id.example.com/keys",
  "http://10.0.0.1/keys",
  "http://127.0.0.1.example.com/keys",
  "http://127.0.0.1@example.com/keys",
  "http://[::2]/keys",
  "file:///keys",
  "keys",
  "",
])("keys for tokens may not come from %j", (url) => {
  expect(problem(url)).toThrow(/--jwks-url must be a URL that starts with https:/);
});
