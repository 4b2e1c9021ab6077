// A key and a certificate for localhost that only tests use. The certificate is signed by itself and valid for a hundred years.

export const certificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjHBDK8Z7qSHPcOp7
3fxfKHolqID8lzeWItgGuskIXMqhRANCAAS8dTZap6WU5+G60KVW44qrgzPZs6Ea
tJguOO/jVjCdi3hoK0yob5Z0x1GGrBPBXhOkwl+QrT2uL/DteWVAl0c4
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUXE3x5RXawESAWtEclIf0qqJZfVAwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyOTIyMjkyOFoYDzIxMjYxMTA1
MjIyOTI4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS8dTZap6WU5+G60KVW44qrgzPZs6EatJguOO/jVjCdi3hoK0yob5Z0
x1GGrBPBXhOkwl+QrT2uL/DteWVAl0c4o1MwUTAdBgNVHQ4EFgQUIlTob33JZwqc
dDYT6GauVrihmScwHwYDVR0jBBgwFoAUIlTob33JZwqcdDYT6GauVrihmScwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA6ki0IsrhSplXPrpkCMXW
teI1LEaAZ5XLuwKetML7WuECIF6sf9FMrcDOfBS4bVMd5A//U+BTce737mpzplYs
F3aW
-----END CERTIFICATE-----`,
};
