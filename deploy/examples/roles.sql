-- Run once by an administrator of PostgreSQL (17 or newer), in any database:
--   psql -f roles.sql -v owner_password=... -v service_password=...
-- The owner only migrates. The service is what the processes log in as; it owns nothing and sees
-- no tenant's rows unless it says which.
CREATE ROLE tocsin_app NOLOGIN;
CREATE ROLE tocsin_claims NOLOGIN;
CREATE ROLE tocsin_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE tocsin_service LOGIN NOINHERIT PASSWORD :'service_password';
GRANT tocsin_app, tocsin_claims TO tocsin_owner WITH ADMIN OPTION;
GRANT tocsin_app TO tocsin_service WITH INHERIT FALSE, SET TRUE;
CREATE DATABASE tocsin OWNER tocsin_owner;
