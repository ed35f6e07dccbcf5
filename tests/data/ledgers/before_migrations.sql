-- A ledger of the first version, written by its own code: SQLite's dump.
BEGIN TRANSACTION;
CREATE TABLE purchases (
	id INTEGER NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	attempt INTEGER NOT NULL, 
	"key" VARCHAR(400) NOT NULL, 
	scope VARCHAR(200) NOT NULL, 
	run_id VARCHAR(100) NOT NULL, 
	model VARCHAR(200) NOT NULL, 
	request JSON NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	price_micros BIGINT NOT NULL, 
	billed BOOLEAN NOT NULL, 
	generation_id VARCHAR(100), 
	intended_at FLOAT NOT NULL, 
	enqueued_at FLOAT, 
	started_at FLOAT, 
	completed_at FLOAT, 
	settled_at FLOAT, 
	reason TEXT, 
	image JSON, 
	PRIMARY KEY (id), 
	CONSTRAINT one_row_an_attempt UNIQUE (fingerprint, attempt), 
	CONSTRAINT one_owner_a_generation UNIQUE (generation_id)
);
INSERT INTO "purchases" VALUES(1,'ab2666b9ecfd52a260c9649fb5708fe224218f02536a22592df7f593b718caac',1,'spring/shot1/en/1x1/v1','spring','old run','google-nano-banana-pro','{"prompt": "A red kite over hill number 1", "parameters": {"aspect_ratio": "1:1", "resolution": "1K"}, "references": [], "variant": 1}','made',150000,1,'gen-1',1760000000.5,1760000001.0,1760000002.0,1760000009.0,1760000001.5,NULL,'{"sha256": "abababababababababababababababababababababababababababababababab", "width": 1024, "height": 1024, "file_type": "PNG", "bytes": 1234}');
INSERT INTO "purchases" VALUES(2,'a9a16bd07ba443828ffcdc4568956c92ccbae9978042a3eeee2c5f4b065ab1bd',1,'spring/shot2/en/1x1/v1','spring','old run','google-nano-banana-pro','{"prompt": "A red kite over hill number 2", "parameters": {"aspect_ratio": "1:1", "resolution": "1K"}, "references": [], "variant": 1}','refused',150000,0,NULL,1760000002.0,NULL,NULL,NULL,1760000002.5,'the policy refused it',NULL);
INSERT INTO "purchases" VALUES(3,'421a5aacd48b8df1f68ccaf6b1cd55e221ea3b20e97ba582ff4e79e6f3b9b1f4',1,'spring/shot3/en/1x1/v1','spring','old run','google-nano-banana-pro','{"prompt": "A red kite over hill number 3", "parameters": {"aspect_ratio": "1:1", "resolution": "1K"}, "references": [], "variant": 1}','enqueued',150000,1,'gen-3',1760000003.0,1760000003.5,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "purchases" VALUES(4,'74efca9f4f6b8d2ef99520b88f9345afd6bbcb08757a1cd767667c244d163e79',1,'spring/shot4/en/1x1/v1','spring','old run','google-nano-banana-pro','{"prompt": "A red kite over hill number 4", "parameters": {"aspect_ratio": "1:1", "resolution": "1K"}, "references": [], "variant": 1}','intended',150000,0,NULL,1760000004.0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "purchases" VALUES(5,'873ca45cc690fb19921edfd71abda4d345bb41274916fd8fd825e8f585f27a0c',1,'spring/shot5/en/1x1/v1','spring','old run','google-nano-banana-pro','{"prompt": "A red kite over hill number 5", "parameters": {"aspect_ratio": "1:1", "resolution": "1K"}, "references": [], "variant": 1}','withdrawn',150000,0,NULL,1760000004.5,NULL,NULL,NULL,1760000005.0,'refused connection',NULL);
INSERT INTO "purchases" VALUES(6,'873ca45cc690fb19921edfd71abda4d345bb41274916fd8fd825e8f585f27a0c',2,'spring/shot5/en/1x1/v1','spring','old run','google-nano-banana-pro','{"prompt": "A red kite over hill number 5", "parameters": {"aspect_ratio": "1:1", "resolution": "1K"}, "references": [], "variant": 1}','intended',150000,0,NULL,1760000005.5,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX purchases_by_scope ON purchases (scope);
CREATE INDEX purchases_by_state ON purchases (state);
CREATE INDEX purchases_by_key ON purchases ("key");
COMMIT;
